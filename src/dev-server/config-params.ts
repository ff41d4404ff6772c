/** The names Nacos takes: letters and digits of any script, and a few signs. */
export function isConfigName(name: string): boolean {
  return /^[\p{L}\p{Nd}_\-.:]+$/u.test(name)
}

export function isTenant(tenant: string): boolean {
  return tenant === '' || (tenant.length <= 128 && isConfigName(tenant))
}
