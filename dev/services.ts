// The six services, in the order in which they are listed everywhere.
import { audit } from '@loomworks/audit'
import { companion } from '@loomworks/companion'
import { credit } from '@loomworks/credit'
import { gateway } from '@loomworks/gateway'
import { identity } from '@loomworks/identity'
import { memory } from '@loomworks/memory'
import type { AnyService } from '@loomworks/service-kit'

export const SERVICES: readonly AnyService[] = [identity, memory, companion, credit, audit, gateway].map((service) => service as unknown as AnyService)
