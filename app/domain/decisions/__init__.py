"""What is told of a drift: alerts and retrain triggers, the decisions of the decide role."""
