import fastify from 'fastify'
import { configLocal, configRemote, initSidecar } from 'nacos-sidecar'

const app = fastify()
void initSidecar(app)

app.get<{ Params: { name: string } }>('/public/hello/:name', async (request) => ({
  message: `${configRemote('greeting', 'Hello')} ${request.params.name}`,
  framework: 'fastify',
  pid: process.pid,
}))
app.get('/admin/report', async () => ({ report: 'for eyes with a token', framework: 'fastify' }))

await app.listen({ port: configLocal('server.port', 9202), host: '0.0.0.0' })
