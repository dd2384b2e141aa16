/** Types for an import path with a file extension, which Node.js requires. */
declare module "selenium-webdriver/http/index.js" {
  export * from "selenium-webdriver/http";
}
