/** The `keywatch` command. Each subcommand is one file under commands/ and loads what it needs when it runs. */
import { Command, CommanderError } from 'commander'
import { loadCommands } from './cli.ts'
import { PRODUCT } from './core/build.ts'
import { reasonOf } from './core/errors.ts'

const program = new Command('keywatch')
  .description('Audit log and SIEM forwarder for the credentials that MCP servers use.')
  .version(PRODUCT.version)
  .exitOverride()
  .showSuggestionAfterError()
  .showHelpAfterError('(keywatch --help lists the commands)')
for (const command of await loadCommands(process.argv[2]))
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
