import { derivedId, type EngagementId, type ObjectId } from '@loomworks/kernel'

/** One engagement is one stream is one consistency boundary. */
export const ENGAGEMENT_STREAMS = 'engagement-'

export function streamOf(engagement: string): string {
  return `${ENGAGEMENT_STREAMS}${engagement}`
}

/** An engagement is an object of its own, under its own id. */
export function itself(engagement: EngagementId): ObjectId {
  return engagement as string as ObjectId
}

/** The seed and the cycle a personal engagement begins with. */
export function inductedSeed(engagement: EngagementId): ObjectId {
  return derivedId(engagement, 'seed')
}

export function inductedCycle(engagement: EngagementId): ObjectId {
  return derivedId(engagement, 'seed_induction_loop_cycle')
}
