import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { loadCatalog } from '../../src/catalog.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { readFileBounded } from '../../src/config/text-file.ts'

const ROOT = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')

const Compose = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string(),
      build: z.string().optional(),
      profiles: z.array(z.string()).optional(),
      ports: z.array(z.string()).default([]),
      volumes: z.array(z.string()).default([]),
      secrets: z.array(z.string()).default([])
    })
  ),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
  volumes: z.record(z.string(), z.unknown())
})
const compose = Compose.parse(parse(read('docker-compose.yml')))
const services = Object.entries(compose.services)

describe('docker-compose.yml', () => {
  it('runs Keywatch alone unless the profile `full` is asked for', () => {
    expect(services.filter(([, { profiles }]) => profiles === undefined).map(([name]) => name)).toEqual([
      'keywatch'
    ])
  })

  it.each(services)('%s has a pinned image and publishes on loopback only', (_, { image, ports }) => {
    expect(image).toMatch(/^[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*$/)
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  })

  it.each(services)('%s mounts only what there is', (_, { volumes, secrets }) => {
    for (const volume of volumes) {
      const source = volume.split(':')[0] ?? ''
      if (!source.startsWith('./')) expect(compose.volumes).toHaveProperty(source)
      else if (source.startsWith('./deploy/')) expect(existsSync(new URL(source, ROOT)), source).toBe(true)
    }
    for (const secret of secrets) expect(compose.secrets).toHaveProperty(secret)
  })
})

describe('deploy/secrets.sh', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keywatch-deploy-'))
  cpSync(new URL('deploy/secrets.sh', ROOT), join(folder, 'secrets.sh'))
  const run = () => execFileSync('sh', [join(folder, 'secrets.sh')], { encoding: 'utf8' })
  run()
  const secrets = join(folder, 'secrets')

  it('makes every secret that Compose mounts', () => {
    for (const { file } of Object.values(compose.secrets)) {
      const path = join(folder, file.replace(/^deploy\//, ''))
      expect(readFileSync(path, 'utf8'), file).toMatch(/^[0-9a-f]{64}$/)
    }
    expect(statSync(secrets).mode & 0o077).toBe(0)
  })

  it('changes nothing when it runs again', () => {
    const contents = () => readdirSync(secrets).map(name => [name, readFileSync(join(secrets, name), 'utf8')])
    const before = contents()
    run()
    expect(contents()).toEqual(before)
  })

  it('suits deploy/keywatch.yml, which is public and has tokens', async () => {
    const byName = new Map(
      Object.entries(compose.secrets).map(([name, { file }]) => [`/run/secrets/${name}`, file])
    )
    const loaded = loadConfig({
      path: new URL('deploy/keywatch.yml', ROOT).pathname,
      env: {},
      catalog: await loadCatalog(),
      readFile: (path, bytesMax) => {
        const file = byName.get(path)
        return readFileBounded(file ? join(folder, file.replace(/^deploy\//, '')) : path, bytesMax)
      }
    })
    rmSync(folder, { recursive: true })
    expect((loaded.problems ?? []).map(formatProblem)).toEqual([])
    expect(loaded.config).toMatchObject({ loopback: false, dataDir: '/app/data' })
    expect(loaded.config?.tokens.map(({ scopes }) => scopes)).toEqual([['ingest'], ['read'], ['admin']])
  })
})

describe('the Dockerfile', () => {
  const text = read('Dockerfile')

  it('starts as an unprivileged user from a pinned image, and runs no install script', () => {
    expect(text).toMatch(/^ARG NODE_IMAGE=node:24\.\d+\.\d+-[\w-]+$/m)
    expect(text).toContain('--omit=dev --ignore-scripts')
    expect(text.indexOf('USER node')).toBeGreaterThan(text.lastIndexOf('FROM '))
    expect(text).toContain(
      'CMD ["node", "--max-semi-space-size=64", "--no-allocation-site-pretenuring", "src/keywatch.mjs", "start"]'
    )
  })

  it('copies only what .dockerignore lets into the build', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter(line => line.startsWith('!'))
      .map(line => line.slice(1))
    const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = '']) =>
      names.split(' ')
    )
    expect(copied.length).toBeGreaterThan(5)
    for (const name of copied) expect(allowed).toContain(name)
  })
})
