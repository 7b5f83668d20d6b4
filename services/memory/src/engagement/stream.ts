import type { EngagementId } from '@loomworks/kernel'

/** One engagement is one stream is one consistency boundary. */
export const ENGAGEMENT_STREAMS = 'engagement-'

export function streamOf(engagement: string): string {
  return `${ENGAGEMENT_STREAMS}${engagement}`
}

export function engagementOf(stream: string): EngagementId {
  return stream.slice(ENGAGEMENT_STREAMS.length) as EngagementId
}
