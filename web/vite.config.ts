// Builds each file of src/pages/ into one module of the same name, and copies the base style sheet.
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig } from "vite";

const here = import.meta.dirname;
const built = resolve(here, process.env.BUILT ?? "../src/kgservice/web/static/built");
const pages = readdirSync(resolve(here, "src/pages")).filter((name) => name.endsWith(".ts"));

export default defineConfig({
  base: "/static/built/",
  publicDir: false,
  build: {
    outDir: built,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
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
    {
      name: "pico",
      closeBundle() {
        mkdirSync(built, { recursive: true });
        copyFileSync(resolve(here, "node_modules/@picocss/pico/css/pico.classless.min.css"), resolve(built, "pico.css"));
      },
    },
  ],
});
