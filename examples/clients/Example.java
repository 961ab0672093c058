// Publish a report, and wait until Guatemala has stored it. Java 17 or later, no library:
//   ENLACE_GATEWAY=… ENLACE_TOKEN_FILE=… java Example.java REPORT
// For an authority of your own, import it: keytool -importcert -file ca.pem -keystore trust.p12 -storepass changeit
//   and start with -Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Example {
    static final int ATTEMPTS_MAX = 6;
    static final HttpClient CLIENT =
        HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(10)).build();
    static final String GATEWAY = System.getenv("ENLACE_GATEWAY");

    public static void main(String[] arguments) throws Exception {
        String token = Files.readString(Path.of(System.getenv("ENLACE_TOKEN_FILE"))).strip();
        // One key for each report: a repeated attempt with it gets the first answer, and publishes nothing twice.
        HttpRequest publish = request("/v1/reports", token)
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", UUID.randomUUID().toString())
            .POST(BodyPublishers.ofFile(Path.of(arguments[0])))
            .build();
        HttpResponse<String> answer = send(publish);
        if (answer.statusCode() >= 400) {  // 422: the body lists each wrong field in `errors`
            System.err.println(answer.statusCode() + " " + answer.body());
            System.exit(1);
        }
        String reportId = text(answer.body(), "report_id");
        System.out.println(text(answer.body(), "outcome") + " " + reportId);
        HttpRequest state = request("/v1/reports/" + reportId, token).GET().build();
        Pattern stored = Pattern.compile("\"recipient\"\\s*:\\s*\"GT\"\\s*,\\s*\"outcome\"\\s*:\\s*\"stored\"");
        for (int look = 0; look < 240; look++) {
            if (stored.matcher(send(state).body()).find()) {
                System.out.println(reportId + " stored at GT");
                return;
            }
            Thread.sleep(500);
        }
        System.err.println("not stored in time");
        System.exit(4);
    }

    static HttpRequest.Builder request(String path, String token) {
        return HttpRequest.newBuilder(URI.create(GATEWAY + path))
            .timeout(Duration.ofSeconds(30))
            .header("Authorization", "Bearer " + token);
    }

    /** Sends a request again after 429, 503 and a broken connection, with a pause that doubles. */
    static HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
        long pause = 500;
        for (int attempt = 1; ; attempt++) {
            try {
                HttpResponse<String> answer = CLIENT.send(request, BodyHandlers.ofString());
                boolean passes = answer.statusCode() == 429 || answer.statusCode() == 503;
                if (!passes || attempt == ATTEMPTS_MAX) {
                    return answer;
                }
                pause = Math.max(pause, 1000 * answer.headers().firstValueAsLong("Retry-After").orElse(0));
            } catch (IOException error) {
                if (attempt == ATTEMPTS_MAX) {
                    throw error;
                }
            }
            Thread.sleep(pause);
            pause *= 2;
        }
    }

    /** A text of the answer. A real system uses its JSON library. */
    static String text(String json, String key) {
        Matcher found = Pattern.compile("\"" + key + "\"\\s*:\\s*\"([^\"]*)\"").matcher(json);
        return found.find() ? found.group(1) : null;
    }
}
