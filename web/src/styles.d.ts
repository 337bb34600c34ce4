// Style sheets that a module brings along: Vite writes them beside it.
declare module "*.css";
