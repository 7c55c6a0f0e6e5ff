// Several processes of Anling on a throw-away PostgreSQL, for the browser tests.
//
// For: a database that can be stopped and started again, a small city in it, and processes with some of the roles.
// May not know: pages. The server is a real one, on loopback and a free port, and goes with the test however that ends.

import { execFile, spawn } from 'node:child_process';
import { access, chown, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { binary } from './lib.mjs';

const run = promisify(execFile);
/** How long a process may take to be ready. */
const READY_WITHIN_MS = 90_000;

/** The folder with PostgreSQL's own programs: the newest of Debian's, or the one PATH names. */
async function programs() {
  const versions = await readdir('/usr/lib/postgresql').catch(() => []);
  const folders = versions.sort((a, b) => Number(b) - Number(a)).map((version) => `/usr/lib/postgresql/${version}/bin`);
  for (const folder of [...folders, ...(process.env.PATH ?? '').split(':')]) {
    const found = await access(path.join(folder, 'initdb')).then(() => true, () => false);
    if (found) return folder;
  }
  throw new Error('PostgreSQL is needed (Debian: apt-get install postgresql)');
}

/** PostgreSQL refuses to run as root: then it runs as its own account. */
async function account() {
  if (process.getuid() !== 0) return {};
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((one) => one.startsWith('postgres:'));
  if (!line) throw new Error('there is no postgres account to run the database as');
  const fields = line.split(':');
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A PostgreSQL server without a standby. */
export async function startPostgres() {
  const [bin, as, dir, port] = [await programs(), await account(), await mkdtemp(path.join(tmpdir(), 'anling-pg-')), await freePort()];
  if (as.uid !== undefined) await chown(dir, as.uid, as.gid);
  const data = path.join(dir, 'data');
  const tool = (name, ...args) => run(path.join(bin, name), args, { cwd: dir, ...as });
  await tool('initdb', '-D', data, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync');
  const settings = `listen_addresses = '127.0.0.1'\nport = ${port}\nunix_socket_directories = '${dir}'\nshared_buffers = 32MB\n`;
  await writeFile(path.join(data, 'postgresql.auto.conf'), settings);
  if (as.uid !== undefined) await chown(path.join(data, 'postgresql.auto.conf'), as.uid, as.gid);
  // Somebody who outlives us: when our end of the pipe closes, the server is stopped and its folder removed.
  const script = `trap '' INT TERM HUP; read -r _; "$1/pg_ctl" stop -s -m immediate -D "$2/data" 2>/dev/null; cd /; rm -rf "$2"`;
  const undertaker = spawn('sh', ['-c', script, 'undertaker', bin, dir], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, ...as });
  const server = {
    url: `postgres://postgres@127.0.0.1:${port}/postgres?sslmode=disable`,
    start: () => tool('pg_ctl', 'start', '-s', '-w', '-D', data, '-l', path.join(dir, 'log')),
    /** At once, as a crash would. */
    crash: () => tool('pg_ctl', 'stop', '-s', '-m', 'immediate', '-D', data),
    end: () =>
      new Promise((resolve) => {
        undertaker.once('exit', resolve);
        undertaker.stdin.end();
      }),
  };
  await server.start();
  return server;
}

/** A city in this database, and processes on it. */
export async function startCluster(postgres, residents = 60) {
  const folder = await mkdtemp(path.join(tmpdir(), 'anling-cluster-'));
  const running = new Set();
  const launch = async (words, data, greeting) => {
    const doors = ['console', 'devices', 'dc09', 'ops'].flatMap((door) => [`--${door}-listen`, '127.0.0.1:0']);
    const child = spawn(await binary(), [...words, ...doors, '--data', data], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ANLING_DATABASE_URL: postgres.url },
    });
    running.add(child);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    void gone.then(() => running.delete(child));
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('anling is not ready in time')), READY_WITHIN_MS);
      let said = '';
      child.stdout.on('data', (chunk) => {
        said += chunk;
        if (said.includes(greeting)) resolve();
      });
      void gone.then((code) => reject(new Error(`anling ended with ${code} before it was ready\n${said}`)));
      void gone.finally(() => clearTimeout(late));
    });
    const listening = JSON.parse(await readFile(path.join(data, 'listening.json'), 'utf8'));
    return {
      console: `http://${listening.console}`,
      ops: `http://${listening.ops ?? listening.console}`,
      end: async () => {
        child.kill('SIGTERM');
        await gone;
      },
    };
  };
  const city = path.join(folder, 'city');
  const founder = await launch(['demo', '--no-cast', '--residents', String(residents)], city, 'Ctrl-C');
  await founder.end();
  return {
    accounts: JSON.parse(await readFile(path.join(city, 'demo-accounts.json'), 'utf8')),
    /** A process of this name with these roles. */
    start: (name, roles) =>
      launch(['serve', '--roles', roles, '--node', name, '--master-key', path.join(city, 'master.key')], path.join(folder, name), '已就绪'),
    stop: async () => {
      for (const child of running) child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
