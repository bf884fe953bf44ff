// A Sala of its own for the walks: the real program with a fresh SQLite database and the demo company.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A port of this machine that nobody uses. */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Starts the program and reads its address, a person and the sandbox out of what it prints. */
export async function startServer(binary) {
  // A server that runs already, as {"url", "email", "password", "sandbox"}.
  if (process.env.SALA_WALK_SERVER) return { stop: async () => {}, ...JSON.parse(process.env.SALA_WALK_SERVER) };
  const folder = mkdtempSync(join(tmpdir(), 'sala-walks-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const database = process.env.SALA_WALK_DATABASE ?? `sqlite:${join(folder, 'sala.db')}`;
  const child = spawn(binary, ['serve', '--demo', '--listen', `127.0.0.1:${port}`, '--database', database], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (bytes) => (text += bytes));
  child.stderr.on('data', (bytes) => (text += bytes));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const pick = (pattern) => pattern.exec(text)?.[1];
  for (let tries = 0; tries < 300; tries++) {
    const found = {
      email: pick(/^\s+user\s+(\S+@\S+)/m),
      password: pick(/^\s+password\s+(\S+)/m),
      sandbox: pick(/\/channels\/sandbox\/([^/\s]+)\//),
    };
    if (found.email && found.password && found.sandbox) {
      const ready = await fetch(`${url}/healthz`).then((answer) => answer.ok, () => false);
      if (ready) return { url, stop, log: () => text, ...found };
    }
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
  throw new Error(`Sala did not start:\n${text.slice(-3000)}`);
}
