# usage: Rscript make_harmonic.R OUTDIR      (R >= 4.2, packages forecast, jsonlite)
# Dynamic harmonic regressions that tests compare with.
suppressMessages({library(forecast); library(jsonlite)})
out <- commandArgs(TRUE)[1]; if (is.na(out)) out <- "."
vec <- function(x) I(as.numeric(x))
one <- function(name, y, order, K, h=24) {
  f <- Arima(y, order=order, xreg=fourier(y, K=K)); p <- forecast(f, xreg=fourier(y, K=K, h=h), level=c(80,95))
  list(data=name, order=vec(order), K=K, loglik=as.numeric(f$loglik), aicc=f$aicc, sigma2=f$sigma2, mean=vec(p$mean),
    lower80=vec(p$lower[,1]), upper80=vec(p$upper[,1]), lower95=vec(p$lower[,2]), upper95=vec(p$upper[,2])) }
refs <- list(one("nottem", nottem, c(1,0,0), 2), one("USAccDeaths", USAccDeaths, c(0,1,1), 5), one("LogAir", log(AirPassengers), c(1,1,1), 6))
writeLines(toJSON(refs, digits=NA, auto_unbox=TRUE, pretty=TRUE), file.path(out, "harmonic.json"))
