"""When a service outgrows what was sold: forecasts over matrices [series x days], without a loop over series.

prepare -> shifts -> level, slopes -> fitting (one class of series as a whole) -> crossing -> answer, where one calls `forecast`.
How wrong such forecasts have been comes from `fleet` tables; `fleet` also makes them from an operator's own past.
"""
