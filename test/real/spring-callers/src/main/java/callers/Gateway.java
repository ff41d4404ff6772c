package callers;

import java.util.Map;

import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.web.context.WebServerInitializedEvent;
import org.springframework.context.ApplicationListener;

/** A Spring Cloud Gateway in front of the service SERVICE. */
@SpringBootConfiguration
@EnableAutoConfiguration
public class Gateway {
  public static void main(String[] args) {
    new SpringApplicationBuilder(Gateway.class)
        .web(WebApplicationType.REACTIVE)
        .properties(Map.of(
            "spring.cloud.gateway.routes[0].id", "items",
            "spring.cloud.gateway.routes[0].uri", "lb://" + System.getenv("SERVICE"),
            "spring.cloud.gateway.routes[0].predicates[0]", "Path=/items/**",
            "server.port", "0",
            "server.address", "127.0.0.1"))
        .listeners((ApplicationListener<WebServerInitializedEvent>) event ->
            System.out.println("{\"type\":\"listening\",\"port\":" + event.getWebServer().getPort() + "}"))
        .run(args);
  }
}
