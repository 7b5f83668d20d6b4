import { type Factors, isRefused, type SignUp } from '@loomworks/client'
import { useMutation } from '@tanstack/react-query'
import { Button } from '../../parts/button.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { isOver } from './state.ts'
import { saysOf } from './trouble-words.ts'

interface Props {
  readonly signUp: SignUp
  readonly onMade: (factors: Factors) => void
  readonly onStartOver: (trouble?: unknown) => void
}

export function PasskeyStep({ signUp, onMade, onStartOver }: Props) {
  const making = useMutation({
    mutationFn: () => signUp.passkey(),
    onSuccess: onMade,
    onError: (error) => {
      if (isRefused(error) && (isOver(error.code) || error.code === 'signup.not_found')) onStartOver(error)
    },
  })
  return (
    <div className={styles.form}>
      <p>A passkey lives in your device and opens your account with your finger, your face or your PIN. There is no password to forget or to steal.</p>
      {making.isError ? <Trouble error={making.error} says={saysOf(making.error)} /> : null}
      <Button autoFocus busy={making.isPending} onPress={() => making.mutate()}>
        Create my passkey
      </Button>
      <Button look="quiet" onPress={() => onStartOver()}>
        Begin again
      </Button>
    </div>
  )
}
