import { describe } from 'vitest'
import type { ContractTarget } from '../support/target.js'
import { authContract } from './auth.js'
import { configContract } from './config.js'
import { namingContract } from './naming.js'

/** Everything a registry must do, in the order a reader of the report would ask. */
export function wholeContract(target: ContractTarget): void {
  describe('naming', () => namingContract(target))
  describe('config', () => configContract(target))
  describe('auth', () => authContract(target))
}
