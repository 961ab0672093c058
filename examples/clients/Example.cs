// Publish a report, and wait until Guatemala has stored it. .NET 10: dotnet run Example.cs REPORT
// with ENLACE_GATEWAY and ENLACE_TOKEN_FILE in the environment; with an older SDK, put it into a console project.

using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

const int attemptsMax = 6;
var token = File.ReadAllText(Environment.GetEnvironmentVariable("ENLACE_TOKEN_FILE")!).Trim();
using var client = new HttpClient
{
    BaseAddress = new Uri(Environment.GetEnvironmentVariable("ENLACE_GATEWAY")!),
    Timeout = TimeSpan.FromSeconds(30),
};
client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);

// One key for each report: a repeated attempt with it gets the first answer, and publishes nothing twice.
var report = File.ReadAllText(args[0]);
var key = Guid.NewGuid().ToString();
var (status, answer) = await Send(() =>
{
    var request = new HttpRequestMessage(HttpMethod.Post, "/v1/reports");
    request.Headers.Add("Idempotency-Key", key);
    request.Content = new StringContent(report, Encoding.UTF8, "application/json");
    return request;
});
if ((int)status >= 400) // 422: the body lists each wrong field in `errors`
{
    Console.Error.WriteLine($"{(int)status} {answer}");
    return 1;
}
var reportId = answer.GetProperty("report_id").GetString();
Console.WriteLine($"{answer.GetProperty("outcome").GetString()} {reportId}");
for (var look = 0; look < 240; look++)
{
    var (_, state) = await Send(() => new HttpRequestMessage(HttpMethod.Get, $"/v1/reports/{reportId}"));
    if (state.TryGetProperty("recipients", out var recipients) && recipients.EnumerateArray().Any(item =>
        item.GetProperty("recipient").GetString() == "GT" && item.GetProperty("outcome").GetString() == "stored"))
    {
        Console.WriteLine($"{reportId} stored at GT");
        return 0;
    }
    await Task.Delay(500);
}
Console.Error.WriteLine("not stored in time");
return 4;

// Sends a request again after 429, 503 and a broken connection, with a pause that doubles.
async Task<(HttpStatusCode, JsonElement)> Send(Func<HttpRequestMessage> make)
{
    var pause = TimeSpan.FromMilliseconds(500);
    for (var attempt = 1; ; attempt++)
    {
        try
        {
            using var response = await client.SendAsync(make());
            var passes = response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable;
            if (!passes || attempt == attemptsMax)
            {
                using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
                return (response.StatusCode, body.RootElement.Clone());
            }
            var wanted = response.Headers.RetryAfter?.Delta ?? TimeSpan.Zero;
            pause = pause > wanted ? pause : wanted;
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException && attempt < attemptsMax)
        {
            // The next attempt has the same key.
        }
        await Task.Delay(pause);
        pause *= 2;
    }
}
