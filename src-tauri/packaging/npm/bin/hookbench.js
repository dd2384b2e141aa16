#!/usr/bin/env node
// Runs the program of the package for this platform, which npm installs as an optional dependency.
"use strict";
const { spawn } = require("node:child_process");

const name = `@hookbench/${process.platform}-${process.arch}`;
const file = process.platform === "win32" ? "hookbench.exe" : "hookbench";
let program;
try {
  program = require.resolve(`${name}/${file}`);
} catch {
  console.error(
    `hookbench: the package ${name} is not installed. If it exists for your platform, install again without ` +
      "--omit=optional. Other packages: https://github.com/hookbench/hookbench",
  );
  process.exit(2);
}
const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`hookbench: ${program} cannot be started: ${error.message}`);
  process.exit(2);
});
child.on("exit", (code, signal) => (signal ? process.kill(process.pid, signal) : process.exit(code)));
