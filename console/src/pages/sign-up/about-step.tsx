import type { SignUp } from '@loomworks/client'
import { useMutation } from '@tanstack/react-query'
import { Form } from 'react-aria-components'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { type About, begin } from './state.ts'
import { saysOf } from './trouble-words.ts'

interface Props {
  readonly about: About
  readonly claimToken: string | undefined
  /** Why a signup that was further than this begins anew. */
  readonly trouble: unknown
  readonly onAbout: (about: About) => void
  readonly onBegun: (signUp: SignUp) => void
}

export function AboutStep({ about, claimToken, trouble, onAbout, onBegun }: Props) {
  const beginning = useMutation({ mutationFn: (asked: About) => begin(asked, claimToken), onSuccess: onBegun })
  const error = beginning.error ?? trouble
  return (
    <Form
      className={styles.form ?? ''}
      onSubmit={(event) => {
        event.preventDefault()
        if (!beginning.isPending) beginning.mutate(about)
      }}
    >
      {claimToken === undefined ? null : <p className={styles.invited}>You were given credit. It is yours when you have signed up.</p>}
      <Field
        label="Your name"
        name="name"
        autoComplete="name"
        autoFocus
        isRequired
        maxLength={80}
        value={about.displayName}
        onChange={(displayName) => onAbout({ ...about, displayName })}
      />
      {claimToken === undefined ? (
        <Field
          label="E-mail address"
          name="email"
          type="email"
          inputMode="email"
          autoComplete="email"
          isRequired
          maxLength={254}
          value={about.email}
          onChange={(email) => onAbout({ ...about, email })}
        />
      ) : null}
      {error === null || error === undefined ? null : <Trouble error={error} says={saysOf(error)} />}
      <Button type="submit" busy={beginning.isPending}>
        Continue
      </Button>
    </Form>
  )
}
