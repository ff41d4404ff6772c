package callers;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.cloud.openfeign.EnableFeignClients;
import org.springframework.cloud.openfeign.FeignClient;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;

/** Calls the service SERVICE at RATE calls a second through OpenFeign, until its input says `end`. */
@SpringBootConfiguration
@EnableAutoConfiguration
@EnableFeignClients(clients = FeignCaller.Items.class)
public class FeignCaller {
  @FeignClient(name = "${SERVICE}")
  interface Items {
    @GetMapping("/items/{id}")
    String find(@PathVariable("id") long id);
  }

  static final AtomicLong sent = new AtomicLong();
  static final AtomicLong failed = new AtomicLong();

  public static void main(String[] args) throws Exception {
    Items items = new SpringApplicationBuilder(FeignCaller.class)
        .web(WebApplicationType.NONE)
        .properties(Map.of("spring.cloud.gateway.enabled", "false"))
        .run(args)
        .getBean(Items.class);
    double rate = Double.parseDouble(System.getenv("RATE"));
    AtomicBoolean ended = new AtomicBoolean();
    Thread reader = new Thread(() -> {
      try {
        new BufferedReader(new InputStreamReader(System.in)).readLine();
      } catch (Exception ignored) {
      }
      ended.set(true);
    });
    reader.setDaemon(true);
    reader.start();

    // The first call makes the load balancer of the service.
    for (int attempt = 0;; attempt++) {
      try {
        items.find(0);
        break;
      } catch (Exception error) {
        if (attempt == 100) throw error;
        Thread.sleep(200);
      }
    }
    // One that cannot keep up sends less, and piles up nothing.
    ExecutorService pool = new ThreadPoolExecutor(32, 32, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(32), new ThreadPoolExecutor.CallerRunsPolicy());
    System.out.println("{\"type\":\"calling\"}");
    long began = System.nanoTime();
    for (long n = 0; !ended.get(); n++) {
      long due = began + (long) (n * 1e9 / rate);
      long wait = due - System.nanoTime();
      if (wait > 0) LockSupport.parkNanos(wait);
      long id = n;
      if (n % 1000 == 0) System.out.println("{\"type\":\"sent\",\"sent\":" + sent + "}");
      pool.execute(() -> call(items, id));
    }
    pool.shutdown();
    pool.awaitTermination(60, TimeUnit.SECONDS);
    System.out.println("{\"type\":\"result\",\"sent\":" + sent + ",\"failed\":" + failed + "}");
    System.exit(0);
  }

  static void call(Items items, long id) {
    sent.incrementAndGet();
    try {
      String body = items.find(id);
      if (!body.contains("/items/" + id)) throw new IllegalStateException("asked for " + id + ", got " + body);
    } catch (Exception error) {
      failed.incrementAndGet();
      System.out.println("{\"type\":\"failure\",\"message\":\"" + String.valueOf(error).replaceAll("[^\\w .,:/()\\[\\]-]", " ") + "\"}");
    }
  }
}
