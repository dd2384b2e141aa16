/** An OpenSSH server with generated keys, and an SSH agent with an authorized key. */
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import { ended, until } from "./hookbench";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function startSshd() {
  const folder = mkdtempSync(join(tmpdir(), "hookbench-sshd-"));
  const key = (name: string): void =>
    void execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)]);
  ["host", "other", "mine"].forEach(key);
  copyFileSync(join(folder, "mine.pub"), join(folder, "authorized"));
  const port = await freePort();
  const config = [
    "AddressFamily inet",
    `ListenAddress 127.0.0.1:${port}`,
    `AuthorizedKeysFile ${folder}/authorized`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
  ];
  writeFileSync(join(folder, "config"), `${config.join("\n")}\n`);
  // As root, sshd requires this folder for privilege separation.
  if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true });
  const serve = (hostKey: string) => {
    return spawn("/usr/sbin/sshd", ["-D", "-q", "-f", join(folder, "config"), "-h", join(folder, hostKey)], {
      stdio: "ignore",
    });
  };
  let sshd = serve("host");
  const socket = join(folder, "agent");
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  await until("the agent", async () => existsSync(socket));
  execFileSync("ssh-add", ["-q", join(folder, "mine")], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  const end = async (): Promise<void> => {
    try {
      execFileSync("pkill", ["-KILL", "-P", String(sshd.pid)]);
    } catch {
      // There are no sessions.
    }
    await ended(sshd);
  };
  return {
    place: `${userInfo().username}@127.0.0.1:${port}`,
    agent: socket,
    /** Restarts the server with another host key. */
    async change() {
      await end();
      sshd = serve("other");
    },
    async stop() {
      await end();
      await ended(agent);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
