using HelloAks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

// The Generic Host turns SIGTERM, which Kubernetes sends before it ends a container, into the
// cancellation of the worker's token: the process then leaves with exit code 0.
var builder = Host.CreateApplicationBuilder(args);

builder.Logging.ClearProviders().AddSimpleConsole(options =>
{
    options.SingleLine = true;
    options.TimestampFormat = "HH:mm:ss ";
});

builder.Services.AddSingleton(PrimeWorkerOptions.From(builder.Configuration));
builder.Services.AddHostedService<PrimeWorker>();

builder.Build().Run();
