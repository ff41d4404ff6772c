import { describe, expect, test } from 'vitest'
import { decodeChanged, encodeListening } from '../../../../src/nacos/http/listener.js'
import { encodeParams } from '../../../../src/nacos/http/wire.js'
import { WIRE_SERVERS, wireExchanges } from '../../../support/wire.js'

const answer = (body: string, headers = {}) => ({ status: 200, headers, body })

describe.each(WIRE_SERVERS)('as recorded from %s', (server) => {
  const polls = [
    ...wireExchanges(server, 'v1-config-listener'),
    ...wireExchanges(server, 'config-tenant-public'),
  ].filter(({ request, response }) => request.path.endsWith('/listener') && response.status === 200)

  test('there is something to judge by', () => expect(polls.length).toBeGreaterThan(15))

  // `tenant left out` is a form we do not use; `broken` and `No-Hangup` are no forms of ours either.
  const ours = polls.filter(({ title }) => !/left out|broken|md5 empty \(client|two configs/.test(title))
  test.each(ours)('encodes: $title', ({ request }) => {
    const [dataId = '', group = '', md5 = '', tenant = ''] = (request.params.get('Listening-Configs') ?? '')
      .replace('\x01', '')
      .split('\x02')
    // The public namespace goes out empty, never by name.
    const recorded = request.body!.replace('%02public%01', '%02%01')
    const namespace = tenant === 'public' ? '' : tenant
    const encoded = encodeListening([{ dataId, group, md5, namespace }])
    expect([recorded, recorded.replace('%02%02%01', '%02%01')]).toContain(
      encodeParams({ 'Listening-Configs': encoded }),
    )
  })

  test.each(polls)('decodes: $title', ({ request, response }) => {
    const changed = decodeChanged(response)
    const told = response.body.trim() || response.headers['probe-modify-response-new'] || ''
    expect(changed).toHaveLength(told.split('%01').filter(Boolean).length)
    for (const { dataId, group, namespace } of changed) {
      expect(request.params.get('Listening-Configs')).toContain(`${dataId}\x02${group}\x02`)
      expect(namespace).not.toBe('public')
    }
  })
})

test('two configs in one request', () => {
  const listening = encodeListening([
    { dataId: 'a', group: 'G', md5: 'm1', namespace: '' },
    { dataId: 'b:c', group: 'G', md5: '', namespace: 'ns' },
  ])
  expect(encodeParams({ 'Listening-Configs': listening })).toBe(
    'Listening-Configs=a%02G%02m1%02%01b%3Ac%02G%02%02ns%01',
  )
})

test('several changed configs, some in a namespace', () => {
  expect(decodeChanged(answer('a%02G%01b%3Ac%02G%02ns%01\n'))).toEqual([
    { dataId: 'a', group: 'G', namespace: '' },
    { dataId: 'b:c', group: 'G', namespace: 'ns' },
  ])
})

test('nothing changed', () => {
  expect(decodeChanged(answer(''))).toEqual([])
  expect(decodeChanged(answer('\n'))).toEqual([])
})

test('the answer in a header, new and old', () => {
  expect(decodeChanged(answer('', { 'probe-modify-response-new': 'a%02G%01' }))).toEqual([
    { dataId: 'a', group: 'G', namespace: '' },
  ])
  expect(decodeChanged(answer('', { 'probe-modify-response': 'a:b:G;c:G;' }))).toEqual([
    { dataId: 'a:b', group: 'G', namespace: '' },
    { dataId: 'c', group: 'G', namespace: '' },
  ])
  expect(decodeChanged(answer('', { 'probe-modify-response': '', 'probe-modify-response-new': '' }))).toEqual([])
})
