"""What a dispatcher tells of itself: metrics for Prometheus and traces for OpenTelemetry."""

from reelbase.telemetry.recorder import Outcome, Stored, Telemetry, Work, open_telemetry

__all__ = ["Outcome", "Stored", "Telemetry", "Work", "open_telemetry"]
