# One model of R's package forecast on one series, or on the rows of a panel: as the crates beside this file.
# Usage: Rscript peers.R series|panel R MODEL SEASON HORIZON FILE SECONDS
suppressMessages({ library(forecast); library(jsonlite) })
a <- commandArgs(TRUE)
model <- a[3]; season <- as.integer(a[4]); h <- as.integer(a[5])
cpu <- function() sum(proc.time()[c(1, 2, 4, 5)], na.rm = TRUE)

fit <- function(values) {
  x <- ts(values, frequency = season)
  switch(model,
    "ets(A,A,A)" = { f <- ets(x, "AAA", damped = FALSE); list(f, forecast(f, h, level = 95)) },
    "ets(A,N,A)" = { f <- ets(x, "ANA"); list(f, forecast(f, h, level = 95)) },
    "ets" = { f <- ets(x); list(f, forecast(f, h, level = 95)) },
    "holt_winters" = { f <- HoltWinters(x); list(f, forecast(f, h, level = 95)) },
    "arima(1,0,1)(0,1,1)" = { f <- Arima(x, order = c(1, 0, 1), seasonal = c(0, 1, 1)); list(f, forecast(f, h, level = 95)) },
    "arima(0,1,1)(0,1,1)" = { f <- Arima(x, order = c(0, 1, 1), seasonal = c(0, 1, 1)); list(f, forecast(f, h, level = 95)) },
    "arima" = { f <- auto.arima(x); list(f, forecast(f, h, level = 95)) },
    "theta" = { f <- thetaf(x, h = h, level = 95); list(f, f) },
    "mstl[24,168]" = { f <- stlf(msts(values, c(24, 168)), h = h, level = 95, etsmodel = "AZN"); list(f, f) },
    { message("no ", model); quit(status = 1) })
}

stated <- function(f, values) {
  n <- length(values)
  sse <- if (inherits(f, "HoltWinters")) f$SSE else sum((values - as.numeric(fitted(f)))^2, na.rm = TRUE)
  found <- list(sse = sse)
  if (startsWith(model, "arima")) found <- c(found, list(log_likelihood = f$loglik, aicc = f$aicc, chosen = as.character(f)))
  # R's `ets` leaves the likelihood's constants out.
  if (startsWith(model, "ets")) found <- c(found, list(aicc = f$aicc - n * (log(n) - 1 - log(2 * pi)), chosen = f$method))
  found
}

if (a[1] == "series") {
  y <- read.csv(a[6])$value
  cpus <- c(); walls <- c(); began <- proc.time()[3]
  repeat {
    before <- cpu(); now <- Sys.time()
    found <- fit(y)
    walls <- c(walls, as.numeric(Sys.time() - now, units = "secs")); cpus <- c(cpus, cpu() - before)
    if (length(cpus) == 30 || proc.time()[3] - began > as.numeric(a[7])) break
  }
  times <- list(first_cpu = cpus[1], median_cpu = median(cpus), median_wall = median(walls), runs = length(cpus))
  cat(toJSON(c(times, stated(found[[1]], y)), auto_unbox = TRUE, digits = NA), "\n")
} else {
  rows <- lapply(strsplit(readLines(a[6]), ","), function(row) as.numeric(row[-1]))
  before <- cpu()
  forecasts <- lapply(rows, function(y) as.numeric(fit(y)[[2]]$mean))
  cat(toJSON(list(cpu = cpu() - before, forecasts = forecasts), auto_unbox = TRUE, digits = NA), "\n")
}
