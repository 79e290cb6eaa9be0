// The library chokidar with its own settings: chokidar.mjs FOLDER. Says `ready`, then a line for each change.
import { watch } from 'chokidar'

const watcher = watch(process.argv[2], { ignoreInitial: true })
watcher.on('error', error => process.stdout.write(`${error}\n`))
watcher.on('all', (event, path) => process.stdout.write(`${event} ${path}\n`))
watcher.on('ready', () => process.stdout.write('ready\n'))
