import { expect, test } from 'vitest'
import { cookiesFor } from './cookies.ts'

test('on https the cookies carry the host prefix and are Secure', () => {
  const cookies = cookiesFor('https://loom.example.org')
  expect(cookies.session('t')).toBe('__Host-lw=t; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax; Secure')
  expect(cookies.signup('s')).toBe('__Host-signup=s; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax; Secure')
  expect(cookies.signupName).toBe('__Host-signup')
})

test('on plain localhost both lose prefix and Secure, or no browser would keep them', () => {
  const cookies = cookiesFor('http://localhost:4400')
  expect(cookies.session('t')).toBe('lw=t; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax')
  expect(cookies.signupName).toBe('signup')
})

test('a cleared cookie is empty and over', () => {
  expect(cookiesFor('https://loom.example.org').clearSession()).toContain('__Host-lw=; Path=/; Max-Age=0;')
})
