// A Sala of its own for the walks: the real program with a fresh database and the demo company.
//
// SQLite, or PostgreSQL with SALA_TEST_DATABASE=postgres and the address of a server in SALA_TEST_POSTGRES (scripts/postgres.sh
// starts one): then a database is made there, and dropped at the end.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the walks run on. */
export const engine = process.env.SALA_TEST_DATABASE === 'postgres' ? 'PostgreSQL' : 'SQLite';

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

/** PostgreSQL's own client, which Debian keeps beside the server where it is not on the path. */
function psqlProgram() {
  const lib = '/usr/lib/postgresql';
  const versions = existsSync(lib) ? readdirSync(lib).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(lib, version, 'bin/psql')).find((path) => existsSync(path)) ?? 'psql';
}

/** Runs SQL on a PostgreSQL database. */
export function psql(url, text) {
  execFileSync(psqlProgram(), ['--quiet', '--no-psqlrc', '-v', 'ON_ERROR_STOP=1', '-d', url], { input: text, stdio: ['pipe', 'ignore', 'inherit'] });
}

/** What PostgreSQL has no file for; the same for each start. */
const keys = engine === 'PostgreSQL' ? { SALA_SECRET_KEY: randomBytes(32).toString('hex') } : {};

let made = 0;

/** A database that is empty, and how it is taken away. */
function freshDatabase(folder) {
  if (process.env.SALA_WALK_DATABASE) return { url: process.env.SALA_WALK_DATABASE, drop() {} };
  if (engine === 'SQLite') return { url: `sqlite:${join(folder, 'sala.db')}`, drop() {} };
  const server = process.env.SALA_TEST_POSTGRES;
  if (!server) throw new Error('SALA_TEST_POSTGRES is missing: run this with scripts/postgres.sh');
  const name = `sala_walks_${process.pid}_${++made}`;
  psql(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => psql(server, `drop database if exists ${name} with (force)`) };
}

/** Starts the program on a database; reads its address, a person and the sandbox out of what it prints. */
async function launch(binary, folder, database) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(binary, ['serve', '--demo', '--listen', `127.0.0.1:${port}`, '--database', database], { cwd: folder, env: { ...process.env, ...keys }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (bytes) => (text += bytes));
  child.stderr.on('data', (bytes) => (text += bytes));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  const pick = (pattern) => pattern.exec(text)?.[1];
  for (let tries = 0; tries < 600; tries++) {
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

/**
 * Starts a server for walks. With `fill` it is stopped once its company is there, its database is filled, and it is started
 * again.
 */
export async function startServer(binary, { fill } = {}) {
  // A server that runs already, as {"url", "email", "password", "sandbox"}.
  if (process.env.SALA_WALK_SERVER && !fill) return { stop: async () => {}, ...JSON.parse(process.env.SALA_WALK_SERVER) };
  const folder = mkdtempSync(join(tmpdir(), 'sala-walks-'));
  let database = null;
  const clear = () => {
    database?.drop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    database = freshDatabase(folder);
    let server = await launch(binary, folder, database.url);
    if (fill) {
      await server.stop();
      fill({ database: database.url, sandbox: server.sandbox });
      server = await launch(binary, folder, database.url);
    }
    const { stop } = server;
    return {
      ...server,
      stop: async () => {
        await stop();
        clear();
      },
    };
  } catch (error) {
    clear();
    throw error;
  }
}
