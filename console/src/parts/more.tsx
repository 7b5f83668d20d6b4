import { Button } from './button.tsx'

interface Props {
  readonly list: { readonly hasNextPage: boolean; readonly isFetchingNextPage: boolean; fetchNextPage(): unknown }
  readonly children?: string
}

/** The next page of a list, where there is one. */
export function More({ list: { hasNextPage, isFetchingNextPage, fetchNextPage }, children = 'Show more' }: Props) {
  if (!hasNextPage) return null
  return (
    <div>
      <Button look="second" busy={isFetchingNextPage} onPress={() => void fetchNextPage()}>
        {children}
      </Button>
    </div>
  )
}
