// Every saga that this host runs, in every version that an open one may name.
import { type AnySaga, anySaga } from '@loomworks/sagas'
import { signupSaga } from './signup/saga.ts'

export const SAGAS: readonly AnySaga[] = [anySaga(signupSaga)]
