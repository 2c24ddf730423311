#!/usr/bin/env python3
"""Prints a C table: powers of ten from 10^-292 to 10^324, their first 128 bits rounded up."""
FIRST, LAST = -292, 324


def leading_bits(exponent):
    power = 10 ** abs(exponent)
    if exponent < 0:
        return -(-(1 << (127 + power.bit_length())) // power)
    shift = power.bit_length() - 128
    return -(-power >> shift) if shift > 0 else power << -shift


def main():
    print("/* Written by scripts/powers_of_ten.py: {high, low} of each power's first 128 bits. */")
    for exponent in range(FIRST, LAST + 1):
        bits = leading_bits(exponent)
        print(f"    {{0x{bits >> 64:016x}u, 0x{bits & (1 << 64) - 1:016x}u}}, /* {exponent} */")


main()
