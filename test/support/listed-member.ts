import type { ListeningAddress, Member, RegistrationState } from '../../src/registration/member.js'

export const LISTED: RegistrationState = {
  ...{ phase: 'registered', listed: true, shared: false },
  ...{ lastBeatAt: undefined, failures: 0, lastError: undefined },
}

/** A member without a registry, for tests of the lifecycle alone: listed as soon as the app listens. */
export function listedMember(
  onListening: (address: ListeningAddress) => void,
  overrides: Partial<Member> = {},
): Member {
  const member: Member = {
    registers: true,
    instance: undefined,
    state: LISTED,
    host: undefined,
    addressReason: undefined,
    attach: async (address) => onListening(address),
    register: async () => {},
    update: async () => {},
    beatNow() {},
    deregister: async () => {},
    deregisterSync() {},
  }
  // Getters stay getters.
  return Object.defineProperties(member, Object.getOwnPropertyDescriptors(overrides))
}
