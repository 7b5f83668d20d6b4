// npm run build:console: the files of the console, for an image. `npm start` does it by itself.
import { consoleBuilt } from './console.ts'

await consoleBuilt()
