package recorder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.Environment;

/**
 * Starts as any Spring Boot app would, and writes down what its environment says of the keys it is asked for.
 *
 * <p>{@code -Drecorder.asks} is a JSON file {@code {"ask": {kind: [key]}, "until": {"key", "value"}, "after": {kind:
 * [key]}}}; {@code -Drecorder.answers} is where the answers go, {@code {"ask": {"kind key": value}, "after": …}}. What
 * stands under "after" is asked once {@code until} has come true; the line {@code ready} says when to bring that about.
 */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
public class Recorder {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long UNTIL_MS = 30_000;

  public static void main(String[] args) throws Exception {
    JsonNode asks = JSON.readTree(new File(System.getProperty("recorder.asks")));
    ConfigurableApplicationContext context =
        new SpringApplicationBuilder(Recorder.class)
            .web(WebApplicationType.NONE)
            .lazyInitialization(false)
            .properties("spring.main.banner-mode=off", "spring.jmx.enabled=false")
            .run(args);
    ConfigurableEnvironment environment = context.getEnvironment();
    Map<String, Object> answers = new LinkedHashMap<>();
    answers.put("ask", ask(environment, asks.path("ask")));
    if (asks.has("after")) {
      System.out.println("ready");
      waitFor(environment, asks.path("until"));
      answers.put("after", ask(environment, asks.path("after")));
    }
    JSON.writeValue(new File(System.getProperty("recorder.answers")), answers);
    // The threads of the Nacos client would keep the process.
    Runtime.getRuntime().halt(0);
  }

  private static void waitFor(Environment environment, JsonNode until) throws InterruptedException {
    String wanted = until.path("value").asText();
    long deadline = System.currentTimeMillis() + UNTIL_MS;
    while (!wanted.equals(environment.getProperty(until.path("key").asText()))) {
      if (System.currentTimeMillis() > deadline) throw new IllegalStateException("never came true: " + until);
      Thread.sleep(50);
    }
    // Other documents were published before this one; what is followed has been heard of by now.
    Thread.sleep(1_000);
  }

  private static Map<String, Object> ask(ConfigurableEnvironment environment, JsonNode kinds) {
    Map<String, Object> answers = new LinkedHashMap<>();
    kinds
        .fields()
        .forEachRemaining(
            kind -> {
              for (JsonNode key : kind.getValue()) {
                String name = key.asText();
                answers.put(kind.getKey() + " " + name, answer(environment, kind.getKey(), name));
              }
            });
    return answers;
  }

  private static Object answer(ConfigurableEnvironment environment, String kind, String key) {
    try {
      return read(environment, kind, key);
    } catch (RuntimeException refused) {
      // Why differs from version to version; that it is refused does not.
      return Map.of("refused", true);
    }
  }

  private static Object read(ConfigurableEnvironment environment, String kind, String key) {
    Binder binder = Binder.get(environment);
    return switch (kind) {
      case "text" -> environment.getProperty(key);
      case "int" -> environment.getProperty(key, Integer.class);
      case "double" -> environment.getProperty(key, Double.class);
      case "boolean" -> environment.getProperty(key, Boolean.class);
      // As a field of @ConfigurationProperties is read: names are relaxed, the one asked for is in kebab case.
      case "bind" -> binder.bind(key, String.class).orElse(null);
      case "bind-int" -> binder.bind(key, Integer.class).orElse(null);
      case "bind-boolean" -> binder.bind(key, Boolean.class).orElse(null);
      case "list" -> binder.bind(key, Bindable.listOf(String.class)).map(ArrayList::new).orElse(null);
      case "map" ->
          binder.bind(key, Bindable.mapOf(String.class, String.class)).map(map -> new TreeMap<>(map)).orElse(null);
      default -> throw new Error("unknown kind " + kind);
    };
  }
}
