SELECT line, nummer AS key, name, ort AS city, faults([]) AS faults FROM raw
