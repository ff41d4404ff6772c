import { describe, expect, it } from 'vitest'
import { createRedactor } from '../../../src/util/redactor.js'
import { isSecretName, mask } from '../../../src/util/secrets.js'
import { cpuTime } from '../../support/cost.js'

describe('names of secrets', () => {
  it.each([
    'password',
    'db-password',
    'SENTRY_DSN',
    'slackWebhookUrl',
    'jwt',
    'jwtSecret',
    'api_key',
    'sk',
    'accessKey',
    'connection-string',
    'connectionStrings',
    'privateKeyPem',
    'apiKeys',
    'password2',
    'key1',
    'bindPw',
    'wpa-psk',
    '密码',
  ])('C12: %s is one', (name) => expect(isSecretName(name)).toBe(true))
  it.each(['username', 'user', 'server-addr', 'keys', 'tokyo', 'skip', 'pinned', 'namespace', 'server', 'passenger'])(
    'C12: %s is none',
    (name) => expect(isSecretName(name)).toBe(false),
  )
})

describe('secrets inside of a text', () => {
  it.each([
    ['jdbc:mysql://h:3306/x?user=a&password=hunter2&ssl=true', 'jdbc:mysql://h:3306/x?user=a&password=***&ssl=true'],
    ['amqp://user:p@ss/word@h/v', 'amqp://user:***@h/v'],
    ['redis://:p:a/s?s#@h:6379/0', 'redis://:***@h:6379/0'],
    ['mongodb+srv://u:p%40ss@h1,h2/db', 'mongodb+srv://u:***@h1,h2/db'],
    ['Server=h;User=sa;Password=my pass, word;Encrypt=true', 'Server=h;User=sa;Password=***;Encrypt=true'],
    ['Server=h; Pwd = x', 'Server=h; Pwd =***'],
    ['AccountName=a;AccountKey=abc==;EndpointSuffix=core', 'AccountName=a;AccountKey=***;EndpointSuffix=core'],
    ["host=h password='a b' user=u", 'host=h password=*** user=u'],
    ['{"user":"a","password":"b,c"}', '{"user":"a","password":"***"}'],
    ['token: abc', 'token: ***'],
    ['Authorization: Bearer abcdef.123', 'Authorization: *** abcdef.123'],
    ['send Bearer abcdef123456', 'send Bearer ***'],
    ['x eyJhbGciOi.eyJzdWIiOi.c2ln y', 'x *** y'],
    ['m username="x" password="a\\"b;c";', 'm username="x" password=***;'],
    ['Server=h;Password="a;b";X=1', 'Server=h;Password=***;X=1'],
    ['Server=h;Password={a;b};X=1', 'Server=h;Password=***;X=1'],
    ['jdbc:mysql://(host=h,port=1,user=x,password=p)/db', 'jdbc:mysql://(host=h,port=1,user=x,password=***'],
    ['jdbc:oracle:thin:scott/tiger@//h:1521/x', 'jdbc:oracle:thin:scott/***@//h:1521/x'],
    ['u:p@tcp(h:3306)/db', 'u:***@tcp(h:3306)/db'],
    ['amqp://u:p@a,amqp://v:q@b', 'amqp://u:***@a,amqp://v:***@b'],
    ['{"password":["a","b"],"x":1}', '{"password":"***","x":1}'],
    ['{"secret" : "a\\"b"}', '{"secret" : "***"}'],
    ['password: |\n  a\n  b\nuser: c', 'password: ***user: c'],
    ['<password>p</password>', '<password>***</password>'],
    ['<add key="db.password" value="p"/>', '<add key=*** value="***"/>'],
    ['Authorization: Digest username="x", response="p"', 'Authorization: ***'],
    ['run --password p -u a:b http://h', 'run --password *** -u a:*** http://h'],
    ["'password' => 'p'", "'password' => '***'"],
    ['密码=p', '密码=***'],
    ['https://hooks.slack.com/services/T0/B0/xyz', 'https://hooks.slack.com/services/***'],
    ['-----BEGIN PGP PRIVATE KEY BLOCK-----\nMII\n-----END PGP PRIVATE KEY BLOCK-----', '***'],
    ['-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----', '***'],
  ])('C12: %s', (text, shown) => {
    if (shown.startsWith('Authorization')) expect(mask(text)).not.toContain('abcdef.123')
    else expect(mask(text)).toBe(shown)
  })

  it.each([
    'http://h:8080/path?email=a@b.c',
    'http://[::1]:8848/a@b',
    'https://nacos.example/x?page=1&size=2',
    'monkey: banana',
    'a=b;c=d',
    '/var/log/app.log',
    'a plain sentence, with user=me: and no more',
  ])('C12: what holds none stays: %s', (text) => expect(mask(text)).toBe(text))

  it('C12: takes no longer than the text is long', () => {
    for (const piece of [
      '://a:',
      'password',
      'a=',
      "'a'=",
      '"a":',
      ';a',
      '://u:p/',
      '-----BEGIN PRIVATE KEY-----',
      'eyJaaaaaa.',
      ...[
        'password="',
        "pwd='\\",
        'pw={',
        'pw=[',
        ';pw={',
        ';pw="',
        'pw: |\n  ',
        '<pw>',
        ' -u a:',
        '--pw ',
        'a:b@',
        '//a:b',
      ],
      ...['key="pw" value="', 'Authorization: Basic ', ',a://b:c@', 'jdbc:oracle:thin:a/b'],
    ]) {
      expect(
        cpuTime(() => void mask(piece.repeat(100_000 / piece.length))),
        piece,
      ).toBeLessThan(2_000)
    }
  })
})

describe('known secrets', () => {
  const redact = createRedactor(['nacos'])

  it.each([
    'Registry node nacos-1.example does not answer',
    'Check cloud.nacos.server-addr',
    'https://nacos.example:8848/nacos/v1',
    'unknown user nacos',
    'nacosserver is down',
  ])('R16: never inside another word, and the user name is none: %s', (text) => expect(redact(text)).toBe(text))

  it.each([
    ['password=nacos&user=x', 'password=***&user=x'],
    ['{"password":"nacos"}', '{"password":"***"}'],
    ['the password nacos is wrong', 'the password *** is wrong'],
    ['wrong password: nacos.', 'wrong password: ***.'],
  ])('R16: where it is a value: %s', (text, clean) => expect(redact(text)).toBe(clean))

  it('R16: what no word is spelt like is blanked wherever it stands alone, what is long everywhere', () => {
    expect(createRedactor(['s3cr3t!'])('got s3cr3t! for x')).toBe('got *** for x')
    expect(createRedactor(['prod1'])('prod1.example, prod1-a, "prod1", is prod1')).toBe(
      'prod1.example, prod1-a, "***", is ***',
    )
    const token = 'eyJhbGciOiJIUzI1NiJ9.e30.x'
    expect(createRedactor([token])(`a${token}b`)).toBe('a***b')
    expect(createRedactor(['a b&c9'])('?p=a%20b%26c9')).toBe('?p=***')
  })
})
