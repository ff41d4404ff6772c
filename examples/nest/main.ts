import 'reflect-metadata'
import { Controller, Get, Module, Param } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { configLocal, feign, get } from 'nacos-sidecar'
import { InjectClient, SidecarModule, Value } from 'nacos-sidecar/nest'

@feign('user-service')
class UserClient {
  @get('/users/{id}') byId!: (p: { id: string }) => Promise<{ name: string }>
}

@Controller()
class GreetingController {
  // Follows changes in Nacos.
  @Value('greeting', 'Hello') private readonly greeting!: string

  constructor(@InjectClient(UserClient) private readonly users: UserClient) {}

  @Get('greet/:id')
  async greet(@Param('id') id: string) {
    const { name } = await this.users.byId({ id })
    return { message: `${this.greeting} ${name}` }
  }
}

@Module({ imports: [SidecarModule.forRoot()], controllers: [GreetingController] })
class AppModule {}

const app = await NestFactory.create(AppModule)
app.enableShutdownHooks()
await app.listen(configLocal('server.port', 9205))
