#!/usr/bin/env python3
"""Prints a C table: the bucket bounds of native histograms in [0.5, 1) at schema 8.

Prometheus's table has them as they came out of Go's math.Exp2 and of multiplying: each schema takes
every second bound from the one below it, and the bound between two from the lower one. Schema 8 so
holds the bounds of all others too.
"""
import math

SCHEMA_MAX = 8

# exp(r) = 1 + 2r / (R(r*r) - r) as in FreeBSD's e_exp.c, in the order of Go's math.Exp2.
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
TERMS = (
    4.13813679705723846039e-08,
    -1.65339022054652515390e-06,
    6.61375632143793436117e-05,
    -2.77777777770155933842e-03,
    1.66666666666666657415e-01,
)


def exp2(v):
    k = int(v + math.copysign(0.5, v))
    high, low = (v - k) * LN2_HIGH, -(v - k) * LN2_LOW
    r = high - low
    square = r * r
    series = 0.0
    for term in TERMS:
        series = term + square * series
    c = r - square * series
    return math.ldexp(1 - ((low - (r * c) / (2 - c)) - high), k)


def bounds(schema):
    if schema == 0:
        return [0.5]
    factor = exp2(exp2(-schema))
    return [b for coarse in bounds(schema - 1) for b in (coarse, coarse * factor)]


def main():
    print("/* Written by scripts/histogram_bounds.py. */")
    for bound in bounds(SCHEMA_MAX):
        print(f"    {bound.hex()},")


main()
