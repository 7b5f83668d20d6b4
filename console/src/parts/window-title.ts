import { useEffect } from 'react'

/** What the window, its tab and the history say of a page; never what is somebody's own: they keep it when the person is gone. */
export function useWindowTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} – Loomworks`
  }, [title])
}
