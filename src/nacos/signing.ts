import { createHmac } from 'node:crypto'

/** An access key of Alibaba Cloud (MSE) or of a server with the same plug-in. */
export interface AccessKey {
  readonly accessKey: string
  readonly secretKey: string
  /** STS token of a temporary key. */
  readonly securityToken?: string | undefined
  /** With it, the signing key is derived for the day and the region (V4). */
  readonly regionId?: string | undefined
}

export interface Signature {
  readonly params: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
}

/** For naming: parameters, over `<ms>@@group@@service`, or `<ms>` alone. The STS token is a secret, so a header. */
export function signNaming(key: AccessKey, nowMs: number, group?: string, service?: string): Signature {
  const data = service ? `${nowMs}@@${group}@@${service}` : String(nowMs)
  return {
    params: {
      ak: key.accessKey,
      data,
      signature: hmac(signingKey(key, nowMs), data),
      ...(key.regionId && { signatureVersion: 'v4' }),
    },
    headers: key.securityToken ? { 'Spas-SecurityToken': key.securityToken } : {},
  }
}

/** For config: headers, over `tenant+group+<ms>` without what is blank. */
export function signConfig(key: AccessKey, nowMs: number, tenant: string, group = ''): Signature {
  const data = [tenant, group, nowMs].filter((part) => part !== '').join('+')
  return {
    params: {},
    headers: {
      'Spas-AccessKey': key.accessKey,
      Timestamp: String(nowMs),
      'Spas-Signature': hmac(signingKey(key, nowMs), data),
      ...(key.regionId && { signatureVersion: 'v4' }),
      ...(key.securityToken && { 'Spas-SecurityToken': key.securityToken }),
    },
  }
}

function signingKey({ secretKey, regionId }: AccessKey, nowMs: number): string {
  if (!regionId) return secretKey
  const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '')
  const chain = [day, regionId, 'mse-nacos', 'aliyun_v4_request']
  return chain
    .reduce<string | Buffer>(
      (secret, part) => createHmac('sha256', secret).update(part, 'utf8').digest(),
      `aliyun_v4${secretKey}`,
    )
    .toString('base64')
}

function hmac(secret: string, data: string): string {
  return createHmac('sha1', secret).update(data, 'utf8').digest('base64')
}
