"""Anomalies of traffic, volume and session counts: what a service does against its own weekday and time of day.

Days are local days cut into `slots` of equal length. calendar: which days are alike; profile: what is expected; statistics: how
far measured volume is from it; learning: what is remembered from day to day; thresholds: how far is too far; events: what is told;
replay: all days at once; polling: one poll; volume: days and weeks. Nothing here knows a clock or a file.
"""
