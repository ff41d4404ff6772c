/** `nacos-sidecar/axios`: logical names for axios instances. */
export { attachSidecar } from './http/axios.js'
