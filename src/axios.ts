/** `nacos-sidecar/axios`: logical names for axios instances. */
import axios from 'axios'
import { useAxios } from './http/axios.js'

export { attachSidecar } from './http/axios.js'

useAxios(axios)
