package metrics;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.boot.web.servlet.context.ServletWebServerInitializedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestClient;

/** Serves, and calls itself, so that each outcome is on the page. */
@SpringBootApplication
@RestController
public class Portal {
  private final RestClient.Builder clients;
  private volatile int port;

  Portal(RestClient.Builder clients) {
    this.clients = clients;
  }

  public static void main(String[] args) {
    SpringApplication.run(Portal.class, args);
  }

  @EventListener
  void onServer(ServletWebServerInitializedEvent event) {
    if (event.getApplicationContext().getServerNamespace() == null) port = event.getWebServer().getPort();
  }

  @EventListener(ApplicationReadyEvent.class)
  void onReady() {
    System.out.println("READY " + port);
  }

  @GetMapping("/users/{id}")
  String user(@PathVariable("id") String id) {
    return "user " + id;
  }

  @PostMapping("/users")
  @ResponseStatus(HttpStatus.CREATED)
  void create() {}

  @GetMapping("/broken")
  String broken() {
    throw new IllegalStateException("secret of the message");
  }

  @ResponseStatus(HttpStatus.BAD_REQUEST)
  static class BadInput extends RuntimeException {}

  @GetMapping("/bad")
  String bad() {
    throw new BadInput();
  }

  /** Calls this app by a template, and a port where no server listens. */
  @GetMapping("/calls")
  String calls() {
    RestClient client = clients.baseUrl("http://127.0.0.1:" + port).build();
    client.get().uri("/users/{id}", 7).retrieve().body(String.class);
    client.post().uri("/users").retrieve().toBodilessEntity();
    for (String path : new String[] {"/missing", "/broken", "/bad"}) {
      try {
        client.get().uri(path).retrieve().body(String.class);
      } catch (RuntimeException expected) {
        // Its figures are what is wanted.
      }
    }
    try {
      clients.baseUrl("http://127.0.0.1:9").build().get().uri("/users/{id}", 7).retrieve().body(String.class);
    } catch (RuntimeException expected) {
      // The same.
    }
    return "called";
  }
}
