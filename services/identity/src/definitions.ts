// Every saga that this host runs, in every version that an open one may name.
import { type AnySaga, anySaga } from '@loomworks/sagas'
import { adoptSaga } from './adopt/saga.ts'
import { claimSaga } from './claim/saga.ts'
import { signupSaga } from './signup/saga.ts'

export const SAGAS: readonly AnySaga[] = [anySaga(signupSaga), anySaga(claimSaga), anySaga(adoptSaga)]
