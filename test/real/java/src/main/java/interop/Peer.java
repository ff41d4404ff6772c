package interop;

import com.alibaba.nacos.api.NacosFactory;
import com.alibaba.nacos.api.config.ConfigService;
import com.alibaba.nacos.api.config.listener.AbstractListener;
import com.alibaba.nacos.api.exception.NacosException;
import com.alibaba.nacos.api.naming.NamingService;
import com.alibaba.nacos.api.naming.listener.NamingEvent;
import com.alibaba.nacos.api.naming.pojo.Instance;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * A Java service in the same mesh. One JSON object a line: {@code {"id":1,"op":"instances","service":"x","group":"G"}} in,
 * {@code {"id":1,"value":…}} or {@code {"id":1,"error":"…"}} out, and {@code {"event":…}} whenever Nacos pushes.
 */
public final class Peer {
    private static final ObjectMapper JSON = new ObjectMapper();
    // The client logs to System.out as well; the protocol keeps the real one for itself.
    private static final PrintStream OUT = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true, StandardCharsets.UTF_8);

    private final NamingService naming;
    private final ConfigService config;
    private final HttpClient http = HttpClient.newHttpClient();

    private Peer(Properties properties) throws Exception {
        naming = NacosFactory.createNamingService(properties);
        config = NacosFactory.createConfigService(properties);
    }

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        Properties properties = new Properties();
        properties.put("serverAddr", args[0]);
        if (args.length > 2) {
            properties.put("username", args[1]);
            properties.put("password", args[2]);
        }
        Peer peer = new Peer(properties);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode request = JSON.readTree(line);
            Map<String, Object> answer = new HashMap<>();
            answer.put("id", request.get("id").asInt());
            try {
                answer.put("value", peer.performOnceLoggedIn(request));
            } catch (Throwable e) {
                answer.put("error", e.toString());
            }
            say(answer);
        }
        // The parent is gone or done; the client's threads would keep the process.
        System.exit(0);
    }

    /**
     * The client looks at its token every 5 s. One that lives for 8 s has run out for 2 s until it is renewed; what is
     * asked meanwhile is refused, or answered by false.
     */
    private Object performOnceLoggedIn(JsonNode r) throws Exception {
        for (long until = System.currentTimeMillis() + 6_000;; Thread.sleep(200)) {
            boolean last = System.currentTimeMillis() > until;
            try {
                Object value = perform(r);
                if (last || !Boolean.FALSE.equals(value)) return value;
            } catch (NacosException e) {
                if (last || e.getErrCode() != NacosException.NO_RIGHT) throw e;
            }
        }
    }

    private Object perform(JsonNode r) throws Exception {
        switch (r.get("op").asText()) {
            case "ready":
                return naming.getServerStatus();
            case "serve":
                return serve(r);
            case "register":
                return register(r, r.get("port").asInt());
            case "leave":
                naming.deregisterInstance(text(r, "service"), text(r, "group"), "127.0.0.1", r.get("port").asInt(), "DEFAULT");
                return true;
            case "instances":
                return plain(naming.getAllInstances(text(r, "service"), text(r, "group"), false));
            case "subscribe":
                naming.subscribe(text(r, "service"), text(r, "group"), e -> {
                    NamingEvent event = (NamingEvent) e;
                    say(Map.of("event", "instances", "service", text(r, "service"), "instances", plain(event.getInstances())));
                });
                return true;
            case "get":
                HttpResponse<String> response = http.send(HttpRequest.newBuilder(URI.create(text(r, "url"))).build(), HttpResponse.BodyHandlers.ofString());
                return Map.of("status", response.statusCode(), "body", response.body());
            case "publish":
                return config.publishConfig(text(r, "dataId"), text(r, "group"), text(r, "content"), text(r, "type"));
            case "config":
                return config.getConfig(text(r, "dataId"), text(r, "group"), 5000);
            case "remove":
                return config.removeConfig(text(r, "dataId"), text(r, "group"));
            case "listen":
                config.addListener(text(r, "dataId"), text(r, "group"), new AbstractListener() {
                    @Override
                    public void receiveConfigInfo(String content) {
                        Map<String, Object> event = new HashMap<>();
                        event.put("event", "config");
                        event.put("dataId", text(r, "dataId"));
                        event.put("content", content);
                        say(event);
                    }
                });
                return true;
            default:
                throw new IllegalArgumentException("unknown op " + r.get("op"));
        }
    }

    /** Opens a small HTTP service and registers it, as a Spring application would. */
    private int serve(JsonNode r) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            byte[] body = JSON.writeValueAsBytes(Map.of("from", "java", "method", exchange.getRequestMethod(), "uri", exchange.getRequestURI().toString(), "greeting", "你好"));
            exchange.getResponseHeaders().add("Content-Type", "application/json;charset=UTF-8");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        return register(r, server.getAddress().getPort());
    }

    private int register(JsonNode r, int port) throws Exception {
        Instance instance = new Instance();
        instance.setIp("127.0.0.1");
        instance.setPort(port);
        instance.setWeight(r.path("weight").asDouble(1));
        Map<String, String> metadata = new HashMap<>();
        r.path("metadata").fields().forEachRemaining(e -> metadata.put(e.getKey(), e.getValue().asText()));
        instance.setMetadata(metadata);
        naming.registerInstance(text(r, "service"), text(r, "group"), instance);
        return port;
    }

    private static List<Map<String, Object>> plain(List<Instance> instances) {
        List<Map<String, Object>> all = new ArrayList<>();
        for (Instance i : instances) {
            all.add(Map.of("ip", i.getIp(), "port", i.getPort(), "weight", i.getWeight(), "healthy", i.isHealthy(), "cluster", i.getClusterName(), "metadata", i.getMetadata()));
        }
        return all;
    }

    private static String text(JsonNode r, String key) {
        return r.get(key).asText();
    }

    private static synchronized void say(Object message) {
        try {
            OUT.println(JSON.writeValueAsString(message));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
