"""What the tests and benchmarks need to put Millrace beside a real Prometheus."""
