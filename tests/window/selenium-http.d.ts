/** The types know the folder, Node needs the file. */
declare module "selenium-webdriver/http/index.js" {
  export * from "selenium-webdriver/http";
}
