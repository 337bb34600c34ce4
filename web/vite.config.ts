// Builds each file of src/pages/ into one module of the same name, and copies the base style sheet.
// The same sources and the same package-lock.json give the same bytes: no names with hashes, no dates.
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig } from "vite";
import { licences } from "./licences.ts";

const here = import.meta.dirname;
const built = resolve(here, process.env.BUILT ?? "../src/kgservice/web/static/built");
const pages = readdirSync(resolve(here, "src/pages")).filter((name) => name.endsWith(".ts"));

// What the editor does otherwise here; the build fails where it is no more as it was.
const CHANGES: [RegExp, string][] = [
  // A list of prefixes that strangers proposed. Here those of the graph are offered: see vocabulary.ts.
  [/, madsrdf = "[\s\S]*?prefixes_default = \{[^}]*\}/, ", prefixes_default = {}"],
  // Style elements for the columns, which the content policy refuses. The rules stand in workbench.css.
  [/createElement\("style"\);(\s*o\.type = "text\/css", o\.gripid = r)/, 'createElement("template");$1'],
];

function changed(code: string): string {
  return CHANGES.reduce((text, [was, is]) => {
    if (!was.test(text)) throw new Error(`YASGUI holds no ${was} any more`);
    return text.replace(was, is);
  }, code);
}

export default defineConfig({
  base: "/static/built/",
  publicDir: false,
  build: {
    outDir: built,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    chunkSizeWarningLimit: 1100,
    rollupOptions: {
      input: Object.fromEntries(pages.map((name) => [name.slice(0, -3), resolve(here, "src/pages", name)])),
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "part-[name].js",
        assetFileNames: "[name][extname]",
      },
    },
  },
  plugins: [
    licences(["@picocss/pico"]),
    {
      name: "editor",
      transform(code, id) {
        return id.endsWith("/yasgui.esm.js") ? { code: changed(code), map: null } : undefined;
      },
    },
    {
      name: "pico",
      closeBundle() {
        mkdirSync(built, { recursive: true });
        copyFileSync(resolve(here, "node_modules/@picocss/pico/css/pico.classless.min.css"), resolve(built, "pico.css"));
      },
    },
  ],
});
