import { defineConfig } from 'vitest/config'

/** Two projects: `unit` needs Node alone; `services` starts real servers (nginx, an OpenTelemetry SDK…). */
export default defineConfig({
  test: {
    reporters: ['default', './test/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/services/**', 'test/bench/**'],
          testTimeout: 30_000,
          setupFiles: ['./test/setup.ts']
        }
      },
      {
        test: {
          name: 'services',
          include: ['test/services/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          setupFiles: ['./test/setup.ts']
        }
      }
    ]
  }
})
