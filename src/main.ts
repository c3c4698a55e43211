#!/usr/bin/env node
/** The `keywatch` command. Each subcommand is one file under commands/ and loads what it needs when it runs. */
import { enableCompileCache } from 'node:module'
import { Command, CommanderError } from 'commander'

// Types are erased at load; the cache keeps the result, so a start does not pay for it again.
enableCompileCache()

const { reasonOf } = await import('./core/errors.ts')
const { PRODUCT } = await import('./core/build.ts')
const { loadCommands } = await import('./cli.ts')

const program = new Command('keywatch')
  .description('Audit log and SIEM forwarder for the credentials that MCP servers use.')
  .version(PRODUCT.version)
  .exitOverride()
  .showSuggestionAfterError()
  .showHelpAfterError('(keywatch --help lists the commands)')
for (const command of await loadCommands())
  program.addCommand(command.exitOverride().showSuggestionAfterError())

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    process.stderr.write(`keywatch: ${reasonOf(error)}\n`)
    process.exitCode = 2
  }
}
