import { expect, test } from 'vitest'
import { signConfig, signNaming } from '../../../src/nacos/signing.js'

const key = { accessKey: 'ak', secretKey: 'sk' }
const nowMs = 1_700_000_000_000

test('signs naming requests over time, group and service', () => {
  expect(signNaming(key, nowMs, 'DEFAULT_GROUP', 'svc')).toEqual({
    params: { ak: 'ak', data: '1700000000000@@DEFAULT_GROUP@@svc', signature: 'ZdS8v1ISCc/t0LcfQdGvtPd/5ok=' },
    headers: {},
  })
})

test('signs the time alone where there is no service', () => {
  expect(signNaming(key, nowMs).params['data']).toBe('1700000000000')
})

test('signs config requests in headers', () => {
  expect(signConfig(key, nowMs, 'public', 'DEFAULT_GROUP')).toEqual({
    params: {},
    headers: {
      'Spas-AccessKey': 'ak',
      Timestamp: '1700000000000',
      'Spas-Signature': 'h1vB6C8QvP2IONwQ3sRpOrA9U1Y=',
    },
  })
})

test('leaves blanks out of what it signs', () => {
  const both = signConfig(key, nowMs, 'ns', 'g').headers['Spas-Signature']
  const noTenant = signConfig(key, nowMs, '', 'g').headers['Spas-Signature']
  const nothing = signConfig(key, nowMs, '', '').headers['Spas-Signature']
  expect(new Set([both, noTenant, nothing]).size).toBe(3)
  // `g` as tenant and `g` as group sign the same text.
  expect(signConfig(key, nowMs, 'g', '').headers['Spas-Signature']).toBe(noTenant)
})

test('derives the key of the day and the region for V4', () => {
  const v4 = signNaming({ ...key, regionId: 'cn-hangzhou' }, nowMs, 'DEFAULT_GROUP', 'svc')
  expect(v4.params).toMatchObject({ signature: 'xNP9Cp2DlysD8k9nMHZaYHjNsSw=', signatureVersion: 'v4' })
  expect(signConfig({ ...key, regionId: 'cn-hangzhou' }, nowMs, '', 'g').headers['signatureVersion']).toBe('v4')
})

test('sends an STS token as a header, never as a parameter', () => {
  const sts = { ...key, securityToken: 'sts-canary' }
  const naming = signNaming(sts, nowMs, 'g', 's')
  expect(naming.headers).toEqual({ 'Spas-SecurityToken': 'sts-canary' })
  expect(JSON.stringify(naming.params)).not.toContain('sts-canary')
  expect(signConfig(sts, nowMs, '', 'g').headers['Spas-SecurityToken']).toBe('sts-canary')
})
