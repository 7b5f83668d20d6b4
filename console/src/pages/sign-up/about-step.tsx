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
  readonly invited: boolean
  /** Why a signup that was further than this begins anew. */
  readonly trouble: unknown
  readonly onAbout: (about: About) => void
  readonly onBegun: (signUp: SignUp) => void
}

export function AboutStep({ about, invited, trouble, onAbout, onBegun }: Props) {
  const beginning = useMutation({ mutationFn: begin, onSuccess: onBegun })
  const error = beginning.error ?? trouble
  return (
    <Form
      className={styles.form ?? ''}
      onSubmit={(event) => {
        event.preventDefault()
        if (!beginning.isPending) beginning.mutate(about)
      }}
    >
      {invited ? <p className={styles.invited}>You were given credit. Sign up with the address the letter came to, and it is yours.</p> : null}
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
      {error === null || error === undefined ? null : <Trouble error={error} says={saysOf(error)} />}
      <Button type="submit" busy={beginning.isPending}>
        Continue
      </Button>
    </Form>
  )
}
