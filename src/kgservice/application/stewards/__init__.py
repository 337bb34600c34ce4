"""What stewards work with: findings, their repair, the quality of the data, and the quarantine."""
